# gloveport in a container: non-root, one process tree under a proper init, no build tools inside.
#
#   docker build -t gloveport .
#   docker run --rm -p 127.0.0.1:8750:8750 --shm-size 4g gloveport
#
# The token callers must show is printed at the start; mount a file at /home/user/token to choose it.

ARG BASE=debian:trixie-slim

FROM $BASE AS python
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM python AS build
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/gloveport \
    && /opt/gloveport/bin/pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes -r requirements.lock
COPY pyproject.toml MANIFEST.in README.md LICENSE ./
COPY LICENSES LICENSES
COPY buildtools buildtools
COPY sandbox sandbox
COPY server server
COPY clients clients
# The build fetches noVNC, which browsers watch with, from npm, and npm from PyPI.
# What only the build and a model on this side of the wire need goes again.
RUN /opt/gloveport/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --no-build-isolation . \
    && /opt/gloveport/bin/pip uninstall -q -y \
       anthropic distro docstring-parser jiter setuptools pip

FROM $BASE
# Left out: what draws OpenGL without a GPU (Chromium brings its own), serif faces of 50 MB that the
# sans ones stand in for, Vulkan's debugger, and what draws PostScript.
RUN printf 'path-exclude=%s\n' \
       '/usr/lib/*/libLLVM*' '/usr/lib/*/libz3.*' '/usr/lib/*/libgallium*' \
       '/usr/share/fonts/opentype/noto/NotoSerifCJK-*' \
       '/usr/lib/chromium/libVkLayer_*' \
       '/usr/lib/*/libgs.so*' '/usr/share/poppler/*' '/usr/share/ghostscript/*' \
       '/usr/share/fonts/type1/*' '/usr/share/fonts/X11/Type1/*' \
       > /etc/dpkg/dpkg.cfg.d/gloveport \
    && apt-get update && apt-get install -y --no-install-recommends \
       tini python3 bubblewrap xvfb xkb-data x11-xkb-utils openbox tint2 dbus dbus-x11 at-spi2-core \
       libglib2.0-bin lxterminal thunar mousepad adwaita-icon-theme hicolor-icon-theme \
       chromium chromium-sandbox fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && install -d -m 1777 /tmp/.X11-unix \
    && useradd --create-home --uid 1000 user \
    && install -d -m 700 -o user -g user /tmp/gloveport-1000
COPY --from=build /opt/gloveport /opt/gloveport
USER user
WORKDIR /home/user
ENV PATH=/opt/gloveport/bin:/usr/local/bin:/usr/bin:/bin
# Where desktops live. Undo lays one overlay over another, which the container's own cannot hold.
VOLUME /tmp/gloveport-1000
EXPOSE 8750
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8750/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--", "gloveport"]
# The container is the wall. The README tells how to have walls inside it too.
CMD ["serve", "--host", "0.0.0.0", "--port", "8750", "--token-file", "/home/user/token", "--walls", "none"]
