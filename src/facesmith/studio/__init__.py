"""The studio: web pages and an HTTP API for models and runs. `facesmith.serve` starts it.

app.py builds the application. api/ has one module per group of routes, web/ the pages. services.py holds what the
routes share: the registry of models and runs, the batcher that computes faces, jobs, sessions, metrics.
"""
