# gloveport in a container: non-root, one process tree under a proper init, no build tools inside.
#
#   docker build -t gloveport .
#   docker run --rm -p 8750:8750 --shm-size 512m gloveport
#
# The token callers must show is printed at the start; mount a file at /home/user/token to choose it.

ARG BASE=debian:trixie-slim

FROM $BASE AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/gloveport \
    && /opt/gloveport/bin/pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY sandbox sandbox
COPY server server
COPY clients clients
RUN /opt/gloveport/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --no-build-isolation .

FROM $BASE
RUN apt-get update && apt-get install -y --no-install-recommends \
       tini python3 bubblewrap xvfb xkb-data x11-xkb-utils openbox tint2 dbus at-spi2-core libglib2.0-bin \
       lxterminal thunar mousepad adwaita-icon-theme hicolor-icon-theme chromium chromium-sandbox \
       fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -m 1777 /tmp/.X11-unix \
    && useradd --create-home --uid 1000 user
COPY --from=build /opt/gloveport /opt/gloveport
USER user
WORKDIR /home/user
ENV PATH=/opt/gloveport/bin:/usr/local/bin:/usr/bin:/bin
EXPOSE 8750
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8750/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--", "gloveport"]
# The container is the wall. To have walls inside it too, run it with --security-opt seccomp=unconfined
# --security-opt systempaths=unconfined and give this command without --walls none.
CMD ["serve", "--host", "0.0.0.0", "--port", "8750", "--token-file", "/home/user/token", "--walls", "none"]
