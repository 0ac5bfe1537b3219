const zh = {
  unexpected: "操作没有成功",
  codes: {
    no_network: "网络不通，请求没有送达",
    not_understood: "服务器的回答无法识别",
    internal_error: "服务器内部错误，已记录",
    unavailable: "服务暂时不可用，请稍后再试",
    invalid_request: "填写的内容有误",
    malformed_json: "请求格式有误",
    body_too_large: "内容过大",
    no_such_address: "地址不存在",
    not_logged_in: "登录已过期",
    wrong_log_in: "用户名或密码错误",
    already_logged_in: "该用户已在别处登录",
    too_many_log_ins: "尝试次数过多，请稍后再试",
    forbidden: "您的角色没有此权限",
    not_yours: "这不是您负责的",
    outside_care_team: "您不在该患者的诊疗团队内",
    request_in_flight: "同一请求正在处理",
    not_possible_now: "当前状态下不能这样操作",
    conflict: "内容已被他人更改，请刷新",
  },
};

export default zh;
