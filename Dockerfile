# syntax=docker/dockerfile:1.7
# One image for web, live, worker, beat, gateway and migrations; which one it is, the command says.
ARG PYTHON=3.13-slim-bookworm
ARG NODE=22-bookworm-slim

FROM node:${NODE} AS frontend
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fairway/.venv
COPY requirements/cloud.txt /tmp/cloud.txt
RUN /opt/fairway/.venv/bin/pip install --no-deps --only-binary :all: --require-hashes --requirement /tmp/cloud.txt
WORKDIR /opt/fairway
COPY . .
COPY --from=frontend /src/frontend/node_modules frontend/node_modules
RUN python -I frontend/vendor.py && rm -rf frontend/node_modules
RUN .venv/bin/python -m analysis.compiled

FROM python:${PYTHON}
# LightGBM's wheel needs the system's OpenMP runtime.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 fairway \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fairway --no-create-home --shell /usr/sbin/nologin fairway \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/fairway /var/lib/fairway/gateway
COPY --from=build /opt/fairway /opt/fairway
WORKDIR /opt/fairway
ENV PATH=/opt/fairway/.venv/bin:$PATH \
    PYTHONPATH=/opt/fairway \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=262144 \
    FAIRWAY_HOME=/var/lib/fairway \
    DJANGO_SETTINGS_MODULE=controlplane.settings.prod
USER 10001:10001
VOLUME /var/lib/fairway
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-m", "controlplane.stack.probe", "http://127.0.0.1:8000/health/ready"]
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--http", "1", "--workers", "2", "--blocking-threads", "12", "--no-ws", "--respawn-failed-workers", "controlplane.wsgi:application"]
