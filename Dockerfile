# The `accrue` command with everything it needs; the worker, the topic job and every other command run from it.
FROM python:3.11.14-slim-bookworm
WORKDIR /accrue
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY schemas schemas
COPY topics topics
COPY pipeline pipeline
COPY sinks sinks
COPY examples examples
RUN pip install --no-cache-dir --require-hashes -r requirements.lock && pip install --no-cache-dir --no-deps \
    --no-build-isolation -e . && useradd --create-home accrue && mkdir /data && chown accrue /data
USER accrue
ENTRYPOINT ["accrue"]
CMD ["--help"]
