#!/usr/bin/env bash
# What a container of the Spark image runs: `executor` becomes Spark's executor for Kubernetes and `driver` the driver of
# an application that spark-submit started in cluster mode, as in Spark's own images; anything else is run as it is.
#
# Spark's scheduler asks for a pod whose one argument is `executor`, and says everything else in SPARK_* variables.
# spark-submit asks for one whose arguments are `driver` and then options of its own.
set -euo pipefail

case "${1:-}" in
  executor) ;;
  driver)
    exec "$SPARK_HOME/bin/spark-submit" --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
      --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" --deploy-mode client "${@:2}" ;;
  *) exec "$@" ;;
esac

options=()
for ((i = 0; ; i++)); do
  name=SPARK_JAVA_OPT_$i
  [ -n "${!name+set}" ] || break
  options+=("${!name}")
done

# The configuration that Spark mounts comes first, then the user's own classes, if any, then Spark's.
classpath="${SPARK_CONF_DIR:-$SPARK_HOME/conf}:${SPARK_EXTRA_CLASSPATH:+$SPARK_EXTRA_CLASSPATH:}$SPARK_HOME/jars/*"

exec "$JAVA_HOME/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$classpath" \
  org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
  --driver-url "$SPARK_DRIVER_URL" \
  --executor-id "$SPARK_EXECUTOR_ID" \
  --cores "$SPARK_EXECUTOR_CORES" \
  --app-id "$SPARK_APPLICATION_ID" \
  --hostname "$SPARK_EXECUTOR_POD_IP" \
  --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
  --podName "$SPARK_EXECUTOR_POD_NAME"
