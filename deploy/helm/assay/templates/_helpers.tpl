{{- define "assay.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* assay.labels (dict "root" $ "part" "worker") */}}
{{- define "assay.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: assay
{{ include "assay.selector" . }}
{{- end }}

{{- define "assay.selector" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- /* assay.image (dict "root" $ "name" "worker") */}}
{{- define "assay.image" -}}
image: {{ printf "%sassay/%s:%s" .root.Values.image.registry .name (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end }}

{{- /* A rootless engine's socket is its user's alone; what worker and dashboard share, too. */}}
{{- define "assay.user" -}}
{{ eq .Values.engine.kind "sidecar" | ternary .Values.engine.sidecar.user 10001 }}
{{- end }}

{{- define "assay.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ include "assay.user" . }}
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "assay.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Where apps run as processes, their sandbox needs user namespaces. */}}
{{- define "assay.hostSecurity" -}}
{{ include "assay.security" . }}
{{- if and (eq .Values.engine.kind "process") .Values.engine.processSeccompProfile }}
seccompProfile: {type: Localhost, localhostProfile: {{ .Values.engine.processSeccompProfile | quote }}}
{{- end }}
{{- end }}

{{- define "assay.pod" -}}
serviceAccountName: {{ include "assay.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* assay.probes (dict "root" $ "port" "metrics" "inHost" true). A start takes as long as its canaries.
On the node's network nothing of ours listens for others. */}}
{{- define "assay.probes" -}}
{{- $host := "" }}
{{- if and .inHost (eq .root.Values.engine.kind "node") }}{{ $host = ", host: 127.0.0.1" }}{{ end -}}
startupProbe:
  httpGet: {path: /health, port: {{ .port }}{{ $host }}}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /health, port: {{ .port }}{{ $host }}}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /ready, port: {{ .port }}{{ $host }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{- /* assay.secretVolume (dict "root" $ "keys" (list "analyzer-token")) */}}
{{- define "assay.secretVolume" -}}
name: secrets
secret:
  secretName: {{ .root.Values.secrets.name }}
  defaultMode: 0440
  items:
    {{- range .keys }}
    - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end }}

{{- /* Secrets of worker and dashboard as files, in folders: a key that changes is seen. */}}
{{- define "assay.clientMounts" -}}
- {name: secrets, mountPath: /run/secrets/assay, readOnly: true}
{{- if .Values.secrets.alerts }}
- {name: alerts, mountPath: /run/secrets/alerts, readOnly: true}
{{- end }}
{{- end }}

{{- define "assay.clientVolumes" -}}
- {{ include "assay.secretVolume" (dict "root" . "keys" (include "assay.clientKeys" . | fromJsonArray)) | nindent 2 | trim }}
{{- with .Values.secrets.alerts }}
- {name: alerts, secret: {secretName: {{ . }}, defaultMode: 0440}}
{{- end }}
{{- end }}

{{- define "assay.clientKeys" -}}
{{- $keys := list "analyzer-token" "db-url" }}
{{- if .Values.secrets.payloadKeys }}{{ $keys = append $keys "payload-keys" }}{{ end }}
{{- toJson $keys }}
{{- end }}

{{- /* Variables of worker and dashboard. */}}
{{- define "assay.clientEnv" -}}
- {name: TEMPORAL_ADDRESS, value: {{ required "temporal.address: host:port of your Temporal frontend" .Values.temporal.address | quote }}}
- {name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }}}
- {name: ASSAY_DATA, value: /data}
- {name: ASSAY_SCOPE, value: {{ include "assay.name" . | quote }}}
- {name: ASSAY_TOKEN_FILE, value: /run/secrets/assay/analyzer-token}
- {name: ASSAY_DB_URL_FILE, value: /run/secrets/assay/db-url}
{{- if .Values.secrets.payloadKeys }}
- {name: ASSAY_PAYLOAD_KEY_FILE, value: /run/secrets/assay/payload-keys}
{{- end }}
{{- if .Values.secrets.alerts }}
- {name: ASSAY_ALERTS_FILE, value: /run/secrets/alerts/alerts.yaml}
{{- end }}
{{- with .Values.build.id }}
- {name: ASSAY_BUILD_ID, value: {{ . | quote }}}
{{- end }}
- {name: ASSAY_DEPLOYMENT, value: {{ .Values.build.deployment | quote }}}
- {name: ASSAY_MAKE_CURRENT, value: {{ .Values.build.makeCurrent | quote }}}
- {name: ASSAY_LOG_FORMAT, value: json}
{{- range $name, $value := .Values.settings }}
- {name: {{ printf "ASSAY_%s" $name | quote }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{- /* assay.bytes "1Gi": a quantity of Kubernetes as a number of bytes. */}}
{{- define "assay.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $unit := regexReplaceAll "^[0-9.]+" (toString .) "" }}
{{- if not (hasKey $units $unit) }}{{ fail (printf "%v: a number of bytes, as 512Mi or 4Gi" .) }}{{ end }}
{{- mulf (trimSuffix $unit (toString .) | float64) (get $units $unit | float64) | int64 }}
{{- end }}

{{- /* What cannot work, before anything is made of it. */}}
{{- define "assay.checked" -}}
{{- $engine := .Values.engine.kind }}
{{- if and (gt (int .Values.hosts) 1) (not (has "ReadWriteMany" .Values.data.accessModes)) }}
{{- fail "hosts: several share their data: set data.accessModes to [ReadWriteMany], and a storage class that has it" }}
{{- end }}
{{- if and (eq $engine "node") (not .Values.engine.node.group) }}
{{- fail "engine.node.group: the group that owns the node's Docker socket (stat -c %g /var/run/docker.sock)" }}
{{- end }}
{{- if eq $engine "sidecar" }}
{{- if semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version }}
{{- fail (printf "engine.kind=sidecar: needs Kubernetes 1.29 or newer, for containers that start before the others and stay; this is %s" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and .Values.networkPolicy.enabled (not (and .Values.networkPolicy.temporal .Values.networkPolicy.store)) }}
{{- fail "engine.kind=sidecar: apps under test share the worker's network policy: set networkPolicy.temporal and networkPolicy.store to your servers, so that apps reach no other ones" }}
{{- end }}
{{- end }}
{{- $limit := (.Values.worker.resources.limits).memory }}
{{- if and (eq $engine "process") $limit }}
{{- $slots := .Values.settings.APP_SLOTS | default 2 | int64 }}
{{- $each := .Values.settings.APP_MEMORY_MB | default 1024 | int64 }}
{{- $needed := add 1024 (mul $slots $each) }}
{{- if lt (include "assay.bytes" $limit | int64) (mul $needed 1048576) }}
{{- fail (printf "worker.resources.limits.memory: %v is too little: with engine.kind=process apps run in the worker's container. It takes %dMi at least: 1 GiB, and APP_MEMORY_MB (%d) for each of APP_SLOTS (%d)" $limit $needed $each $slots) }}
{{- end }}
{{- end }}
{{- if and .Values.store.downgradeTo (or (gt (int .Values.hosts) 0) .Values.dashboard.enabled) }}
{{- fail "store.downgradeTo: nothing else may use the store meanwhile: set hosts=0 and dashboard.enabled=false as well" }}
{{- end }}
{{- end }}

{{- /* assay.peers (dict "to" list): who is let through; none named: pods of this cluster. */}}
{{- define "assay.peers" -}}
{{- toYaml (.to | default (list (dict "namespaceSelector" dict))) }}
{{- end }}

{{- define "assay.dataClaim" -}}
{{ .Values.data.existingClaim | default (printf "%s-data" (include "assay.name" .)) }}
{{- end }}

{{- /* assay.analyzer (dict "root" $ "kind" "static" "port" 2001 "inHost" false "args" (list)): its container. */}}
{{- define "assay.analyzer" -}}
{{- $values := index .root.Values.analyzers .kind -}}
name: {{ .kind }}
{{ include "assay.image" (dict "root" .root "name" (printf "analyzer-%s" .kind)) }}
args:
  - --token-file=/run/secrets/assay/analyzer-token
  - --capacity={{ $values.capacity }}
  - --cpu-budget={{ $values.cpuBudget }}
  {{- range .args }}
  - {{ . }}
  {{- end }}
env:
  - {name: ASSAY_LOG_FORMAT, value: json}
  {{- if eq .kind "ai" }}
  {{- range $name, $value := $values.settings }}
  - {name: {{ printf "ASSAY_AI_%s" $name | quote }}, value: {{ $value | toString | quote }}}
  {{- end }}
  {{- if .root.Values.secrets.aiApiKey }}
  - {name: ASSAY_AI_API_KEY_FILE, value: /run/secrets/assay/ai-api-key}
  {{- end }}
  {{- end }}
ports:
  - {name: {{ .kind }}, containerPort: {{ .port }}}
{{ include "assay.probes" (dict "root" .root "port" .kind "inHost" .inHost) }}
resources: {{ toYaml $values.resources | nindent 2 }}
{{- end }}
