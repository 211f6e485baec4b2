"""The embedded runner: real servers from wheels, all processes under supervisord.

For trying things out, development and tests. In production each process is kept by
whatever keeps processes there; see the compose file and the settings.
"""
