with

four_keys as (

    select * from ${mart}.int_four_keys
    where grain in ('trailing_28', 'trailing_90')

)

select
    service,
    owner,
    period_end - 1 as day,
    * except (grain, service, owner, services, inputs)

from four_keys
