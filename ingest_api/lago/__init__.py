"""The endpoints that Lago's own clients call, a module for each resource."""
