"""Airflow's log-in in containers: who there is, and what each may do.

Users and roles of the FAB auth manager
(https://airflow.apache.org/docs/apache-airflow-providers-fab/stable/auth-manager/), in Airflow's
own database. `admin` may do everything; the others see what its role Viewer sees, and `operator`
and `approver` one thing more each: the one starts runs, the other answers for a promotion. Further
people get one of these roles from `admin`, in Airflow's page.
"""

from __future__ import annotations

from collections.abc import Mapping

from model_zoo.errors import UserError

#: Each user with the role it has, and the variable that holds the password.
USERS = {
    "admin": ("Admin", "CATWALK_AIRFLOW_ADMIN_PASSWORD"),
    "operator": ("Operator", "CATWALK_AIRFLOW_OPERATOR_PASSWORD"),
    "approver": ("Approver", "CATWALK_AIRFLOW_APPROVER_PASSWORD"),
    "viewer": ("Viewer", "CATWALK_AIRFLOW_VIEWER_PASSWORD"),
}
#: What a role may do beyond Airflow's own Viewer: actions on resources, in FAB's words. Whoever
#: changes anything of a DAG has to have the right to edit it, so both can pause one too.
ROLES = {
    "Viewer": [("can_read", "Plugins")],  # the links to the page and to MLflow
    "Operator": [
        ("can_read", "Plugins"),
        ("can_edit", "DAGs"),
        ("can_create", "DAG Runs"),
        ("can_edit", "DAG Runs"),
        ("can_create", "Task Instances"),
        ("can_edit", "Task Instances"),
    ],
    "Approver": [
        ("can_read", "Plugins"),
        ("can_edit", "DAGs"),
        ("can_edit", "HITL Detail"),
        ("menu_access", "HITL Detail"),
    ],
}


def make_users(environment: Mapping[str, str]) -> None:
    """Make the roles and users, or give users the passwords of today; nothing without a password.

    Raises:
        UserError: a password is missing.
    """
    passwords = {name: environment.get(variable, "") for name, (_, variable) in USERS.items()}
    if not any(passwords.values()):
        return
    for name, (_, variable) in USERS.items():
        if not passwords[name]:
            raise UserError(f"{variable} is empty: Airflow's user {name} needs a password")
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    @providers_configuration_loaded
    def make() -> None:
        with get_application_builder() as builder:
            manager = builder.sm
            manager.sync_roles()
            seen = manager.VIEWER_PERMISSIONS
            manager.bulk_sync_roles(
                [{"role": role, "perms": seen + more} for role, more in ROLES.items()]
            )
            for name, (role, _) in USERS.items():
                if user := manager.find_user(name):
                    manager.reset_password(user.id, passwords[name])
                else:
                    address = f"{name}@localhost"  # FAB wants one, and no two alike
                    given = manager.find_role(role)
                    manager.add_user(name, name, "", address, given, passwords[name])

    make()
