with

four_keys as (

    select * from ${mart}.int_four_keys
    where grain = 'owner_week'

)

select
    service as owner,
    * except (grain, service, owner, inputs)

from four_keys
