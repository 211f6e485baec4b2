"""The commands of `fusion-billing`, one module each with a click command `cli`."""
