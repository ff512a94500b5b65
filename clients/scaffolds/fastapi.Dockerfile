FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PORT=8000 DATA_DIR=/tmp/data
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt uvicorn
COPY . .
RUN mkdir -p /tmp/data && chown -R 10001:10001 /app /tmp/data
USER 10001
EXPOSE 8000
CMD @COMMAND@
