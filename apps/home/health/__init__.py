"""How the installation is: one source for the administrators' page, its JSON and `manage.py status`."""
