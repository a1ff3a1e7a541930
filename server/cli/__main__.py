"""`python -m gloveport.server.cli`: the command line."""

import sys

from .entry import main

sys.exit(main())
