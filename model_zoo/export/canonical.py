"""One network, one file: names and order in an ONNX file that say nothing are made regular.

tf2onnx numbers what it makes by a counter of the process, and Keras its layers; so the same network
exported twice gave two files. As a version is known by the digest of its files, its inner names are
made here from what each node is and where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def make_regular(model: onnx.ModelProto) -> None:
    """Order and rename nodes, inner values and constants by what they are for.

    Nodes are in the order in which the outputs need them, constants in that of their first use.

    Inputs and outputs of the graph keep their names. A graph with graphs inside is left as it is:
    those may use names from outside.
    """
    import onnx

    graph = model.graph
    if any(one.type == onnx.AttributeProto.GRAPH for node in graph.node for one in node.attribute):
        return
    ordered = _in_order_of_need(graph)
    del graph.node[:]
    graph.node.extend(ordered)
    outer = {one.name for one in (*graph.input, *graph.output)} | {""}
    constants = {one.name: one for one in graph.initializer}
    renamed: dict[str, str] = {}
    used: list[str] = []
    for position, node in enumerate(graph.node):
        for name in node.input:
            if name in constants and name not in renamed and name not in outer:
                renamed[name] = f"constant_{len(used)}"
                used.append(name)
        node.name = f"{node.op_type}_{position}"
        for number, name in enumerate(node.output):
            if name not in outer:
                renamed[name] = f"{node.name}_{number}" if number else node.name
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    unused = sorted(constants.keys() - set(used))
    del graph.initializer[:]
    for name in [*used, *unused]:
        constants[name].name = renamed.get(name, name)
        graph.initializer.append(constants[name])
    del graph.value_info[:]  # shapes of inner values, by their old names; can be inferred again
    for one in (*graph.input, *graph.output):
        for axis, size in enumerate(one.type.tensor_type.shape.dim):
            if size.HasField("dim_param"):  # of no fixed size
                size.dim_param = f"{one.name}_{axis}" if axis else "N"
    graph.name, graph.doc_string = "classifier", ""


def _in_order_of_need(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes so that each comes after those whose values it takes, by the graph alone.

    tf2onnx breaks ties by the names that it counts: two branches changed places from one process
    to the next.
    """
    nodes = list(graph.node)
    maker = {name: place for place, node in enumerate(nodes) for name in node.output}
    ordered: dict[int, None] = {}
    wanted = [maker[one.name] for one in graph.output if one.name in maker]
    for last in (*wanted, *range(len(nodes))):  # also what no output needs
        stack = [last]
        while stack:
            place = stack[-1]
            needs = [maker[name] for name in nodes[place].input if name in maker]
            missing = next((one for one in needs if one not in ordered), None)
            if missing is None:
                ordered.setdefault(place)
                stack.pop()
            else:
                stack.append(missing)
    return [nodes[place] for place in ordered]
