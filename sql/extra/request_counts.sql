-- Requests by service, minute and class of status, from a behaviour log that is in BigQuery already: what
-- `fourkeys extract requests` and `fourkeys load` do with log files, as one statement.
--
-- Write the names of your own tables and columns into the two places that are marked, and run it every night as a
-- scheduled query, or by hand:
--
--   bq query --use_legacy_sql=false \
--     --parameter=since:TIMESTAMP:'2026-11-22 15:00:00' --parameter=until:TIMESTAMP:'2026-11-23 15:00:00' \
--     < request_counts.sql
--
-- Whole minutes of [@since, @until) are replaced by what the log says now, so running it again changes nothing and
-- requests that were logged late are counted by the next run. Only the log's partitions of that window are read.
merge into raw.request_counts as stored -- 1. the raw dataset of fourkeys
using (

    with

    -- 2. your log: a service, a time, a status, a duration in milliseconds (cast(null as float64) if it has none)
    requests as (

        select
            service as service_key,
            ts as requested_at,
            status,
            cast(duration_ms as float64) as duration_ms

        from behaviour.requests
        where
            ts >= @since
            and ts < @until

    ),

    classified as (

        select
            service_key,
            timestamp_trunc(requested_at, minute) as minute,
            if(status between 200 and 599, concat(substr(cast(status as string), 1, 1), 'xx'), 'other') as status_class,
            if(status >= 500, 1, 0) as is_failed,  -- as sources.requests.failed has it
            duration_ms

        from requests
        where
            service_key != ''
            and requested_at is not null
            and status between 100 and 599

    )

    select
        service_key,
        minute,
        status_class,
        count(*) as requests,
        sum(is_failed) as errors,
        sum(duration_ms) as duration_ms_sum,
        current_timestamp() as extracted_at

    from classified
    group by
        service_key,
        minute,
        status_class

) as counted
on
    stored.service_key = counted.service_key
    and stored.minute = counted.minute
    and stored.status_class = counted.status_class
when matched then update set
    requests = counted.requests,
    errors = counted.errors,
    duration_ms_sum = counted.duration_ms_sum,
    extracted_at = counted.extracted_at
when not matched then insert (service_key, minute, status_class, requests, errors, duration_ms_sum, extracted_at)
    values (
        counted.service_key, counted.minute, counted.status_class, counted.requests, counted.errors,
        counted.duration_ms_sum, counted.extracted_at
    )
when not matched by source and stored.minute >= @since and stored.minute < @until then delete
