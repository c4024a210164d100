"""The client that pipelines copy: one file that knows no Django and imports nothing of this house."""
