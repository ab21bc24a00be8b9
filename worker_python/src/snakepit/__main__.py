"""`python -m snakepit` is `snakepit-worker`."""

import sys

from .worker import main

sys.exit(main())
