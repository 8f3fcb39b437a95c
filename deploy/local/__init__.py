"""The plant on one machine: `make run` and `make test` without installed services."""
