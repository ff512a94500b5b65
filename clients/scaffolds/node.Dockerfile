FROM node:20-slim
ENV PORT=3000 DATA_DIR=/tmp/data HOST=0.0.0.0
WORKDIR /app
COPY . .
RUN if [ -f package-lock.json ]; then npm ci; else npm install; fi \
    && npm run build --if-present \
    && mkdir -p /tmp/data && chown -R 10001:10001 /app /tmp/data
USER 10001
EXPOSE 3000
CMD @COMMAND@
