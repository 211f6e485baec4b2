"""Calls of Lago's clients whose routes are still to come."""

from tests.lago.client_calls import Call

COMING: set[Call] = set()
