# Debian's Python in the library image's layout: `python` and `pip` in /usr/local/bin, packages in
# /usr/local/lib/python3.X/site-packages, `pip --prefix` without Debian's `local/`, no EXTERNALLY-MANAGED.
# A virtual environment at /usr/local has just that; with the system's packages, `pip --user` works in it.
FROM assay/debian:12
ENV DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3.*/EXTERNALLY-MANAGED \
    && python3 -m venv --system-site-packages /usr/local
CMD ["python3"]
