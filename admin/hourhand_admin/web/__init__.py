"""The web admin: pages, REST API, and who may use them. Everything goes through a Transport."""
