"""The product's settings; only hashing a password costs less, because the tests log in often."""

from annotation.config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANGUAGES = [*LANGUAGES, ("ar", "العربية")]  # noqa: F405  # from right to left, without a catalog of ours: layout only
