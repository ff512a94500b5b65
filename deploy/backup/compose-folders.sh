# What compose-backup.sh and compose-restore.sh share; they read it from the folder of docker-compose.yml.

refuse() { # PROBLEM NEXT-STEP
  echo "error: $1"
  echo "next: $2"
  exit 2
}

# The folder on this host that the worker writes reports into: docker compose reads .env, a shell does not.
reports_folder() {
  docker compose config --format json | python3 -c '
import json, sys
volumes = json.load(sys.stdin)["services"]["worker"]["volumes"]
print(next(one["source"] for one in volumes if one["target"] == "/data/reports"))'
}

in_worker() { # SCRIPT: in a container like the worker, with its volume and the folder of reports
  docker compose run --rm -T --no-deps --entrypoint sh worker -c "$1"
}
