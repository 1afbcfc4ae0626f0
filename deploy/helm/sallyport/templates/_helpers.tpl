{{- define "sallyport.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sallyport.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "sallyport.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sallyport.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sallyport.selector" -}}
app.kubernetes.io/name: {{ include "sallyport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sallyport.labels" -}}
{{ include "sallyport.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "sallyport.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "sallyport.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "sallyport.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Labels of pods, which no selector may name beside ours. */ -}}
{{- define "sallyport.podLabels" -}}
{{- include "sallyport.labels" . }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* /tmp holds nothing that must be kept: whoever takes nodes away may take the pod. */ -}}
{{- define "sallyport.podAnnotations" -}}
cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes: tmp
{{- end }}

{{- define "sallyport.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sallyport.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{- /* Settings that are no secrets, the same for every process. */ -}}
{{- define "sallyport.settings" -}}
{{- $own := dict "HOST" "0.0.0.0" "PORT" "8080" "OPS_HOST" "0.0.0.0" "OPS_PORT" "9090" }}
{{- $own = set $own "PUBLIC_URL" (required "publicUrl must be set: how phones reach the API" .Values.publicUrl) }}
{{- if .Values.serviceAccount.federatedToken.enabled }}
{{- $own = set $own "INTUNE_FEDERATED_TOKEN_FILE" "/run/secrets/entra/token" }}
{{- end }}
{{- range $name, $value := merge $own .Values.config }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- /* Secrets are files: nothing that shows environments tells them. */ -}}
{{- define "sallyport.secretEnv" -}}
{{- range $variable := .variables }}
- name: {{ $variable }}_FILE
  value: /run/secrets/sallyport/{{ $variable }}
{{- end }}
{{- range $variable, $key := .paths }}
- name: {{ $variable }}
  value: /run/secrets/sallyport/{{ $key }}
{{- end }}
{{- end }}

{{- define "sallyport.volumeMounts" -}}
- name: secrets
  mountPath: /run/secrets/sallyport
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if .Values.serviceAccount.federatedToken.enabled }}
- name: entra-token
  mountPath: /run/secrets/entra
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sallyport.volumes" -}}
- name: secrets
  secret:
    secretName: {{ required "secrets.existingSecret must be set: the Secret with DATABASE_URL and the others" .Values.secrets.existingSecret }}
    defaultMode: 0440
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- if .Values.serviceAccount.federatedToken.enabled }}
- name: entra-token
  projected:
    sources:
      - serviceAccountToken:
          audience: {{ .Values.serviceAccount.federatedToken.audience }}
          expirationSeconds: {{ .Values.serviceAccount.federatedToken.expirationSeconds }}
          path: token
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Spread over machines and zones; rather together than not at all. */ -}}
{{- define "sallyport.spread" -}}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "sallyport.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end }}

{{- /* Health is on the operations port. A worker or API that loads its intelligence at start is given five minutes. */ -}}
{{- define "sallyport.probes" -}}
startupProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 3
  failureThreshold: 100
readinessProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: ops }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}
