"""``python -m launcher.cli`` is `catwalk`."""

from launcher.cli.main import main

raise SystemExit(main())
