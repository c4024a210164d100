"""gunicorn's settings: threads wait for the database, workers use the cores, both share one preloaded application."""

import os

from annotation.config import env

wsgi_app = "annotation.config.wsgi"
bind = env.text("BIND", "127.0.0.1:8765")
workers = env.number("WEB_WORKERS", 2, low=1, high=64)
threads = env.number("WEB_THREADS", 8, low=1, high=256)
worker_class = "gthread"
# Forked after loading: workers share memory, and one that dies is replaced in milliseconds.
# Nothing may open a database pool before the fork; the start's own questions use a connection of their own.
preload_app = True
keepalive = 30
timeout = env.number("WEB_TIMEOUT_SECONDS", 60, low=5)
graceful_timeout = 20
limit_request_line = 8190  # bytes of an address, the most that gunicorn can be told
max_requests = env.number("WEB_MAX_REQUESTS", 0)
max_requests_jitter = max_requests // 10
accesslog = None
loglevel = "warning"
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
