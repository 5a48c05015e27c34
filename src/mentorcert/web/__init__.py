"""The web pages and the JSON API: FastAPI and Jinja2 on top of the registry, without rights of their own."""
