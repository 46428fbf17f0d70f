#!/bin/sh
# In the environment: STACKHOOK_URL, STACKHOOK_TOKEN and STACKHOOK_STACK.
set -eu
STACKHOOK_RUN=$(stackhook report start)
export STACKHOOK_RUN
# FINISHED at the end, or FAILED when a command fails:
trap 'stackhook report finish --exit-code $?' EXIT

stackhook report state INITIALIZING
terraform init -input=false

stackhook report state PLANNING
terraform plan -input=false -out=plan.out

stackhook report state APPLYING --plan plan.out
terraform apply -input=false plan.out
