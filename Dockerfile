# The `accrue` command with everything it needs; the worker, the topic job and every other command run from it.
FROM python:3.11.14-slim-bookworm
WORKDIR /accrue
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY topics topics
COPY pipeline pipeline
COPY sinks sinks
COPY examples examples
RUN pip install --no-cache-dir -c constraints.txt -e . && useradd --create-home accrue && mkdir /data && chown accrue /data
USER accrue
ENTRYPOINT ["accrue"]
CMD ["--help"]
