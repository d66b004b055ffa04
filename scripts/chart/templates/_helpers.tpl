{{- define "pinpool.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "pinpool.labels" -}}
app.kubernetes.io/part-of: pinpool
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* both find the API server by these, also while no service works */}}
{{- define "pinpool.env" -}}
- name: K8S_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: K8S_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- with .Values.k8sServiceHost }}
- name: KUBERNETES_SERVICE_HOST
  value: {{ . | quote }}
{{- end }}
{{- with .Values.k8sServicePort }}
- name: KUBERNETES_SERVICE_PORT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "pinpool.agentListen" -}}
{{ ternary (printf ":%v" .Values.prometheus.port) (printf "127.0.0.1:%v" .Values.healthPort) .Values.prometheus.enabled }}
{{- end }}

{{- define "pinpool.agentPort" -}}
{{ ternary .Values.prometheus.port .Values.healthPort .Values.prometheus.enabled }}
{{- end }}

{{- define "pinpool.operatorPort" -}}
{{ ternary .Values.operator.prometheus.port 9234 .Values.operator.prometheus.enabled }}
{{- end }}

{{- define "pinpool.operatorListen" -}}
{{ ternary ":" "127.0.0.1:" .Values.operator.prometheus.enabled }}{{ include "pinpool.operatorPort" . }}
{{- end }}
