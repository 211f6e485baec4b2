"""The HTTP ingress: authenticate, validate, enqueue, answer."""
