with

request_counts as (

    select * from ${raw}.request_counts

),

resources as (

    select
        resource,
        min(service) as service

    from ${raw}.service_resources
    where source = 'requests'
    group by resource

)

select
    coalesce(resources.service, 'unmapped') as service,
    request_counts.service_key,
    request_counts.minute,
    request_counts.status_class,

    coalesce(request_counts.requests, 0) as requests,
    coalesce(request_counts.errors, 0) as errors,
    request_counts.duration_ms_sum

from request_counts
left join resources
    on request_counts.service_key = resources.resource
