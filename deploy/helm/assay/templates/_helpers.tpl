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

{{- define "assay.clientKeys" -}}
{{- $keys := list "analyzer-token" "db-url" }}
{{- if .Values.secrets.payloadKeys }}{{ $keys = append $keys "payload-keys" }}{{ end }}
{{- if .Values.secrets.alerts }}{{ $keys = append $keys "alerts" }}{{ end }}
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
- {name: ASSAY_ALERTS_FILE, value: /run/secrets/assay/alerts}
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
