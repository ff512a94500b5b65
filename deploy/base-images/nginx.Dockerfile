# Debian's nginx in the library image's layout: html in /usr/share/nginx/html, sites in /etc/nginx/conf.d,
# logs on stdout and stderr, in the foreground.
FROM assay/debian:12
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends nginx-light \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin nginx \
    && sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf \
    && printf 'server {\n    listen 80;\n    location / {\n        root /usr/share/nginx/html;\n        index index.html;\n    }\n}\n' \
        > /etc/nginx/conf.d/default.conf \
    && ln -sf /dev/stdout /var/log/nginx/access.log \
    && ln -sf /dev/stderr /var/log/nginx/error.log
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
