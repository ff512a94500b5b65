# The worker. BASE: any image with Python 3.11 (assay/python:3.11 where no registry is reachable).
ARG BASE=python:3.11-slim
FROM ${BASE}
WORKDIR /srv/assay
COPY requirements.lock .
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY contract contract
COPY workflows workflows
COPY activities activities
COPY clients clients
COPY store store
COPY reports reports
COPY alembic.ini settings.py worker.py ./
ENV ASSAY_DATA=/data PYTHONUNBUFFERED=1
VOLUME /data
CMD ["python", "worker.py"]
