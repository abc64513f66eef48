"""The routes of the studio: a router a noun, each named ``router`` in a file that app.py lists."""
