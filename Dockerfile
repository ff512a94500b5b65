# The worker. BASE: any Debian image with Python 3.11 or newer (assay/python:3.11 where no registry
# is reachable). It needs /data, the Docker socket (group-add the socket's group) and the host's
# network: it looks at apps on the ports that Docker publishes on 127.0.0.1.
ARG BASE=python:3.11-slim
FROM ${BASE}
WORKDIR /srv/assay
COPY deploy/worker.lock deploy/
RUN python -m pip install -q --no-cache-dir --no-deps --require-hashes -r deploy/worker.lock
RUN useradd --uid 10001 --no-create-home --home-dir /tmp assay && install -d -o assay -g assay /data
COPY contract contract
COPY telemetry telemetry
COPY workflows workflows
COPY activities activities
COPY clients clients
COPY store store
COPY reports reports
# Scheduled scans are planned, started and compared by the functions behind the commands.
COPY control control
COPY alembic.ini queues.py settings.py worker.py ./
RUN chmod -R a+rX . && python -m compileall -q .
USER 10001:10001
ENV ASSAY_DATA=/data HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME /data
CMD ["python", "worker.py"]
