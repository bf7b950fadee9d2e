-- Cards: the five keys of each service over the 28 and the 90 days that end with yesterday.
select
    service,
    owner,
    day,
    days,
    deployments,
    deployments_per_day,
    changes,
    lead_time_hours_median,
    failed_deployments,
    change_failure_rate,
    recovered_failures,
    failed_deployment_recovery_hours_median,
    restored_incidents,
    time_to_restore_hours_median,
    rework_deployments,
    deployment_rework_rate,
    deployment_frequency_score,
    lead_time_score,
    change_failure_score,
    failed_deployment_recovery_score,
    deployment_rework_score,
    is_partial

from ${mart}.four_keys_rolling
where day = date(${now}, '${timezone}') - 1
order by service, days
