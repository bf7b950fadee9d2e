with

four_keys as (

    select * from ${mart}.int_four_keys
    where grain = 'week'

)

select * except (grain, services, inputs)

from four_keys
