"""The embedded default: real PostgreSQL and Valkey from wheels, and the supervisor that runs the whole product.

Nothing in here imports Django; `DATABASE_URL` and `REDIS_URL` each replace one embedded part.
"""
