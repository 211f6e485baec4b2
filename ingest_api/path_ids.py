"""Ids of apps' own in paths: any text that the ledger may hold, slashes included."""

from werkzeug.routing import PathConverter


class IdConverter(PathConverter):
    """As ``path``, and for ids that begin with a slash."""

    regex = ".+?"
    part_isolating = False
