# What a recognizer's page runs on in a browser; the Makefile has the same version.
FROM node:22-slim AS web
WORKDIR /runtime
RUN npm pack --silent onnxruntime-web@1.30.0 && tar --extract --gzip --strip-components=2 --file=onnxruntime-web-1.30.0.tgz \
    package/dist/ort.wasm.min.mjs package/dist/ort-wasm-simd-threaded.mjs package/dist/ort-wasm-simd-threaded.wasm && rm *.tgz

# The compiler that uWSGI needs stays in the first stage; the second one has none. For amd64 and arm64:
# docker buildx build --platform linux/amd64,linux/arm64 --tag facial .
FROM python:3.11-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev binutils \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock deploy/slim /tmp/
# Whatever was published since, it is these files that are installed, or none. The lock has all that they need.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.lock \
    && sh /tmp/slim /opt/venv

FROM python:3.11-slim
COPY --from=build /opt/venv /opt/venv
RUN useradd --create-home --uid 10001 facial && install -d -o facial -g facial -m 700 /data
WORKDIR /srv/facial
COPY app.ini run.py ./
COPY app app
COPY constants constants
COPY facial facial
COPY features features
COPY jobs jobs
COPY logger logger
COPY modelization modelization
COPY --from=web /runtime modelization/bundle/portable/onnxruntime-web
COPY optimization optimization
COPY preprocessor preprocessor
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/data/matplotlib \
    FACIAL_HOST=0.0.0.0 \
    FACIAL_PORT=8080 \
    FACIAL_DATA_DIR=/data
# Others can reach it there, so that it starts once there is a key in the same volume:
# docker run --rm --volume facial:/data facial python run.py keys create --name first --scope build,recognize
USER facial
VOLUME /data
EXPOSE 8080
# Ready means that web, dispatcher and a worker of each kind answer.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['FACIAL_PORT'] + '/v1/readyz', timeout=4)"
CMD ["uwsgi", "--ini", "app.ini"]
