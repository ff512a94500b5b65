#!/bin/sh
# Starts Prometheus in docker-compose.yml: start.sh FOLDER ARGUMENTS...
# Its configuration and targets are copied into FOLDER, with the ports that this installation has: what is
# written here is for the usual ones. After a change of it: docker compose restart prometheus.
set -eu
here=$(cd "${0%/*}" && pwd) folder=$1
shift
case $ASSAY_DASHBOARD_HOST in
  0.0.0.0 | :: | localhost) dashboard=127.0.0.1 ;;
  *:*) dashboard="[$ASSAY_DASHBOARD_HOST]" ;;
  *) dashboard=$ASSAY_DASHBOARD_HOST ;;
esac
mkdir -p "$folder/targets"
ln -sfn "$here/rules" "$folder/rules"
cp "$here/with-token.yml" "$folder/prometheus.yml"
for file in "$here"/targets/*.yml; do
  sed -e "s/127\.0\.0\.1:9464\"/127.0.0.1:$ASSAY_METRICS_PORT\"/" \
    -e "s/127\.0\.0\.1:8240\"/$dashboard:$ASSAY_DASHBOARD_PORT\"/" \
    -e "s/127\.0\.0\.1:9090\"/127.0.0.1:$ASSAY_PROMETHEUS_PORT\"/" \
    -e "s/127\.0\.0\.1:9093\"/127.0.0.1:$ASSAY_ALERTMANAGER_PORT\"/" \
    "$file" >"$folder/targets/${file##*/}"
done
exec prometheus --config.file="$folder/prometheus.yml" "$@"
