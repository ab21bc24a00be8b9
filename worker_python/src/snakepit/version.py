"""The package's version, by itself so that a worker can say it without importing the clients."""

VERSION = "0.1.0"
