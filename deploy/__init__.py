"""How the whole of it is started: the command line and the embedded runner."""
