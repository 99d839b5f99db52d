"""What `make containers` tries once everything is up: each file one subject."""
