"""The settings for tools that only read them, such as mypy: nothing runs at these addresses."""

import os

os.environ.setdefault("CONCORDAT_MODE", "local")
os.environ.setdefault("SECRET_KEY", "never used to sign anything, because nothing is served here")
os.environ.setdefault("DATABASE_URL", "postgresql:///nowhere")
os.environ.setdefault("REDIS_URL", "unix:///nowhere")

from annotation.config.settings import *  # noqa: F403  (it reads what was just set)
